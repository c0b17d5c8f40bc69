scenario: RejectResentMessage
# A repeat that fills a gap and has a fault is rejected under its number; what waited behind it follows in order.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=1|34=3|112=one
expect  35=2|34=2|7=2|16=0
send    35=D|34=2|43=Y|122=<now>|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>|126=20040415
expect  35=3|34=3|45=2|371=126|372=D|373=6|58=Incorrect data format for value
send    35=1|34=4|112=two
expect  35=0|34=4|112=one
expect  35=0|34=5|112=two

send    35=5|34=11
expect  35=5|34=6
disconnected
