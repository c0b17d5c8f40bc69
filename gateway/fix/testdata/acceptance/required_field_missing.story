scenario: 14b_RequiredFieldMissing
# A header without TargetCompID, and an order without ClOrdID.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    bare 35=0|34=2|49=<us>|52=<now>
expect  35=3|34=2|45=2|371=56|372=0|373=1|58=Required tag missing
send    35=D|34=3|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=3|45=3|371=11|372=D|373=1|58=Required tag missing

send    35=5|34=4
expect  35=5|34=4
disconnected
