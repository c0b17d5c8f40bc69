scenario: 14h_RepeatedTag
# OrdType is in no group and comes once.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=1|40=2|44=100|60=<now>
expect  35=3|34=2|45=2|371=40|372=D|373=13|58=Tag appears more than once

send    35=5|34=3
expect  35=5|34=3
disconnected
