scenario: 10_MsgSeqNumGreater
# A gap fill that comes too early is a gap itself: what lies before it is asked for, once, and nothing after it counts.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=10|123=Y|36=20
send    35=1|34=20|112=early
expect  35=2|34=2|7=2|16=0

send    35=5|34=2
expect  35=5|34=3
disconnected
