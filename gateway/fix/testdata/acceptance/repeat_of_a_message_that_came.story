scenario: 2e_PossDupAlreadyReceived
# A repeat of what came already is of no account.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=2|43=Y|122=<now>|112=again
send    35=1|34=3|112=next
expect  35=0|34=2|112=next

send    35=5|34=4
expect  35=5|34=3
disconnected
