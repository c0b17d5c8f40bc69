scenario: 2f_PossDupOrigSendingTimeTooHigh
# A repeat can not have been sent first after it was sent again.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=2|11=a|150=0|39=0|...
send    35=D|34=3|11=b|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=b|150=0|39=0|...
send    35=D|34=2|43=Y|122=<now+10s>|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=4|45=2|372=D|373=10|58=SendingTime accuracy problem
expect  35=5|34=5
send    35=5|34=4
disconnected
