scenario: 3c_GarbledMessage
# As a garbled message that is ignored, and the client sends what is asked for as a repeat.

connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    sum=0 35=0|34=2|4garbled9=x
send    35=0|34=2
send    sum=0 35=D|34=3|49garbled=x|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100
send    35=0|34=4
expect  35=2|34=2|7=3|16=0
send    35=D|34=3|43=Y|122=<now>|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=a|150=0|39=0|...

send    35=5|34=5
expect  35=5|34=4
disconnected
