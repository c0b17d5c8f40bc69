scenario: SessionReset
# A Logon with 141=Y in a session that runs starts both sides' numbers again.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=3
send    35=0|34=4
send    35=0|34=5
send    35=0|34=6
send    35=0|34=7
send    35=0|34=8
send    35=0|34=9
send    35=1|34=10|112=one
expect  35=0|34=2|112=one
send    35=A|34=1|98=0|108=30|141=Y|554=<password>
expect  35=A|34=1|98=0|108=30|141=Y
send    35=1|34=2|112=two
expect  35=0|34=2|112=two

send    35=5|34=3
expect  35=5|34=3
disconnected
