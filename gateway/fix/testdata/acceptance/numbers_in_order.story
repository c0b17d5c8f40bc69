scenario: 2a_MsgSeqNumCorrect
# Nothing is to be said to messages in their order.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=3
send    35=0|34=4
send    35=0|34=5

send    35=5|34=6
expect  35=5|34=2
disconnected
