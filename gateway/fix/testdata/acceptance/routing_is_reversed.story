scenario: ReverseRoute
# For whom a message was sent is to whom its reject goes, and the other way round.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|115=JCD|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=2|128=JCD|45=2|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=3|128=JCD|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=3|115=JCD|45=3|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=4|115=JCD|116=CS|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=4|128=JCD|129=CS|45=4|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=5|128=JCD|129=CS|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=5|115=JCD|116=CS|45=5|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=6|115=JCD|116=CS|144=CHI|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=6|128=JCD|129=CS|145=CHI|45=6|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=D|34=7|128=JCD|129=CS|145=CHI|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=7|115=JCD|116=CS|144=CHI|45=7|371=40|372=D|373=5|58=Value is incorrect (out of range) for this tag
send    35=5|34=8
expect  35=5|34=8
disconnected
