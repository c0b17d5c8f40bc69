scenario: 2g_PossDupNoOrigSendingTime
# A repeat must say when it was sent first. The fault takes no number.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...
send    35=D|34=3|11=b|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=b|150=0|39=0|...
send    35=D|34=2|43=Y|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=4|45=2|371=122|372=D|373=1|58=Required tag missing
send    35=1|34=4|112=one
expect  35=0|34=5|112=one

send    35=5|34=5
expect  35=5|34=6
disconnected
