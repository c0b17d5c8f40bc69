scenario: 8_OnlyAdminMessages
# One gap fill for all of them. A request for a resend is served even when its own number is an old one.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=1|34=2|112=t2
expect  35=0|34=2|112=t2
send    35=1|34=3|112=t3
expect  35=0|34=3|112=t3
send    35=1|34=4|112=t4
expect  35=0|34=4|112=t4
send    35=2|34=5|7=1|16=4
expect  35=4|34=1|43=Y|122=*|36=5|123=Y
send    35=1|34=6|112=t6
expect  35=0|34=5|112=t6
send    35=2|34=5|7=1|16=0
expect  35=4|34=1|43=Y|122=*|36=6|123=Y

send    35=5|34=6
expect  35=5|34=6
disconnected
