scenario: 14i_RepeatingGroupCountNotEqual
# Three trading sessions are said to come, and two do.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|386=3|336=one|336=two|60=<now>
expect  35=3|34=2|45=2|371=386|372=D|373=16|58=Incorrect NumInGroup count for repeating group

send    35=5|34=3
expect  35=5|34=3
disconnected
