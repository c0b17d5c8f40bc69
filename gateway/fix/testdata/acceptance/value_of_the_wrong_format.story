scenario: 14f_IncorrectDataFormat
# A quantity has no plus sign.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|11=a|21=1|55=BTC/USD|54=1|38=+200.00|40=1|60=<now>
expect  35=3|34=2|45=2|371=38|372=D|373=6|58=Incorrect data format for value

send    35=5|34=3
expect  35=5|34=3
disconnected
