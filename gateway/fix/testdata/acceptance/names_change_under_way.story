scenario: 2k_CompIDDoesNotMatchProfile
# SenderCompID, TargetCompID, and both, are others than those of the logon.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    bare 35=D|34=2|49=NOBODY|52=<now>|56=<venue>|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=2|45=2|372=D|373=9|58=CompID problem
expect  35=5|34=3
send    35=5|34=3
disconnected

connect
send    35=A|34=1|98=0|108=30|141=Y|554=<password>
expect  35=A|34=1|98=0|108=30|141=Y

send    bare 35=D|34=2|49=<us>|52=<now>|56=ELSEWHERE|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=2|45=2|372=D|373=9|58=CompID problem
expect  35=5|34=3
send    35=5|34=3
disconnected

connect
send    35=A|34=1|98=0|108=30|141=Y|554=<password>
expect  35=A|34=1|98=0|108=30|141=Y

send    bare 35=D|34=2|49=NOBODY|52=<now>|56=ELSEWHERE|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=3|34=2|45=2|372=D|373=9|58=CompID problem
expect  35=5|34=3
send    35=5|34=3
disconnected
