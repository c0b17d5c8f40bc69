scenario: 15_HeaderAndBodyFieldsOrderedDifferently
# Within the header and within the body the order of the fields is the sender's choice.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...
send    bare 35=D|49=<us>|34=3|56=<venue>|52=<now>|40=2|55=BTC/USD|44=100|60=<now>|54=1|38=0.1|21=1|11=b
expect  35=8|34=3|11=b|150=0|39=0|...

send    35=5|34=4
expect  35=5|34=4
disconnected
