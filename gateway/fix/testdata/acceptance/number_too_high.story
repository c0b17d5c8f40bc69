scenario: 2b_MsgSeqNumTooHigh
# What is missing is asked for; the message that came too early is kept and takes its place when the gap is filled.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=3
send    35=0|34=4
send    35=0|34=10
expect  35=2|34=2|7=5|16=0
send    35=0|34=5
send    35=0|34=6
send    35=0|34=7
send    35=0|34=8
send    35=0|34=9
send    35=1|34=11|112=all here
expect  35=0|34=3|112=all here

send    35=5|34=12
expect  35=5|34=4
disconnected
