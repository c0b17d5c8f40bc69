scenario: 10_MsgSeqNumEqual
# A gap fill that bears the expected number moves the expected number on. A Logout is answered whatever its number is.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=2|123=Y|36=20
send    35=1|34=20|112=after the gap
expect  35=0|34=2|112=after the gap

send    35=5|34=3
expect  35=5|34=3
disconnected
