scenario: 19a_PossResendMessageThatHAsAlreadyBeenSent
# PossResend with the ClOrdID of an order that came already: the second one is of no account, and has no answer.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...
send    35=D|34=3|97=Y|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>

send    35=5|34=4
expect  35=5|34=3
disconnected
