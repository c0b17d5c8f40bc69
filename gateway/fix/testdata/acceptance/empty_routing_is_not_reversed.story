scenario: ReverseRouteWithEmptyRoutingTags
# An empty routing field is a fault, and is not sent back.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=D|34=2|115=|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>
expect  35=3|34=2|45=2|371=115|372=D|373=4|58=Tag specified without a value
send    35=D|34=3|128=|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>
expect  35=3|34=3|45=3|371=128|372=D|373=4|58=Tag specified without a value
send    35=D|34=4|115=JCD|116=|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>
expect  35=3|34=4|128=JCD|45=4|371=116|372=D|373=4|58=Tag specified without a value
send    35=D|34=5|128=JCD|129=|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>
expect  35=3|34=5|115=JCD|45=5|371=129|372=D|373=4|58=Tag specified without a value
send    35=D|34=6|115=JCD|116=CS|144=|11=a|21=1|38=0.1|40=1|54=1|55=BTC/USD|60=<now>
expect  35=3|34=6|128=JCD|129=CS|45=6|371=144|372=D|373=4|58=Tag specified without a value
send    35=D|34=7|128=JCD|129=CS|145=|11=a|21=1|38=0.1|40=w|54=1|55=BTC/USD|60=<now>
expect  35=3|34=7|115=JCD|116=CS|45=7|371=145|372=D|373=4|58=Tag specified without a value
send    35=5|34=8
expect  35=5|34=8
disconnected
