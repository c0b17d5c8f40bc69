scenario: 14e_IncorrectEnumValue
# HandlInst has no 4, SecurityType has no BOO, but it has CS.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=4|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=2|45=2|371=21|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=3|11=b|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>|167=BOO
expect  35=3|34=3|45=3|371=167|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=4|11=c|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>|167=CS
expect  35=8|34=4|11=c|150=0|39=0|...

send    35=5|34=5
expect  35=5|34=5
disconnected
