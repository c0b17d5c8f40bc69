scenario: 7_ReceiveRejectMessage
# A Reject takes a number and needs no answer.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=3|34=2|45=1
send    35=1|34=3|112=one
expect  35=0|34=2|112=one

send    35=5|34=4
expect  35=5|34=3
disconnected
