scenario: 4b_ReceivedTestRequest
# The answer bears the question's name.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=1|34=2|112=HELLO
expect  35=0|34=2|112=HELLO

send    35=5|34=3
expect  35=5|34=3
disconnected
