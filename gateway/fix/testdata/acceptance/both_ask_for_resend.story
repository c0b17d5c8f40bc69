scenario: 20_SimultaneousResendRequest
# The client runs ahead and asks for a resend itself before it has filled its own gap: it is served at once, and not a
# second time when the gap is filled.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...
send    35=D|34=3|11=b|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=b|150=0|39=0|...
send    35=0|34=7
expect  35=2|34=4|7=4|16=0
send    35=2|34=8|7=2|16=3
expect  35=8|34=2|43=Y|122=*|11=a|150=0|39=0|...
expect  35=8|34=3|43=Y|122=*|11=b|150=0|39=0|...
send    35=0|34=4|43=Y|122=<now>
send    35=0|34=5|43=Y|122=<now>
send    35=0|34=6|43=Y|122=<now>

send    35=5|34=7
expect  35=5|34=5
disconnected
