scenario: 2m_BodyLengthValueNotCorrect
# A length that is too short costs the message; one that is too long costs the following one as well. Both are asked for
# as any message that is missing.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    length=30 35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
send    35=D|34=3|11=b|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=2|34=2|7=2|16=0
send    35=D|34=2|122=<now>|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=a|150=0|39=0|...
expect  35=8|34=4|11=b|150=0|39=0|...

send    length=+10 35=D|34=4|11=c|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
send    35=D|34=5|11=d|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
send    35=D|34=4|11=c|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
send    35=D|34=5|11=d|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=5|11=c|150=0|39=0|...
expect  35=8|34=6|11=d|150=0|39=0|...

send    35=5|34=7
expect  35=5|34=7
disconnected
