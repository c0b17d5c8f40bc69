scenario: 19b_PossResendMessageThatHasNotBeenSent
# PossResend with a ClOrdID that never came is an order as any other.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|97=Y|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...

send    35=5|34=3
expect  35=5|34=3
disconnected
