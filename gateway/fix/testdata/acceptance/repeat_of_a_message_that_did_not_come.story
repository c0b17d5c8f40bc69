scenario: 2e_PossDupNotReceived
# A message marked as a repeat counts when its number is the expected one.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=2|43=Y|122=<now>
send    35=1|34=3|43=Y|122=<now>|112=new to you
expect  35=0|34=2|112=new to you

send    35=5|34=4
expect  35=5|34=3
disconnected
