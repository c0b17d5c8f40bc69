scenario: 14g_HeaderBodyTrailerFieldsOutOfOrder
# Header fields come before the body's, all of them.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    bare 35=D|11=a|21=1|40=2|44=100|38=0.1|54=1|55=BTC/USD|60=<now>|34=2|49=<us>|52=<now>|56=<venue>
expect  35=3|34=2|45=2|371=34|372=D|373=14|58=Tag specified out of required order
send    bare 35=D|55=BTC/USD|34=3|49=<us>|52=<now>|56=<venue>|11=b|21=1|40=2|44=100|38=0.1|54=1|60=<now>
expect  35=3|34=3|45=3|371=34|372=D|373=14|58=Tag specified out of required order

send    35=5|34=4
expect  35=5|34=4
disconnected
