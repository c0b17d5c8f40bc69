scenario: 2r_UnregisteredMsgType
# A good message that clients do not send to a venue.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=8|34=2|37=id|17=id|150=0|39=0|55=BTC/USD|54=1|151=100|14=0|6=0.0
expect  35=j|34=2|45=2|372=8|380=3|58=Unsupported Message Type

send    35=5|34=3
expect  35=5|34=3
disconnected
