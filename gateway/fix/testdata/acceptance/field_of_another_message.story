scenario: 14c_TagNotDefinedForMsgType
# A Heartbeat has no Symbol.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2|55=BTC/USD
expect  35=3|34=2|45=2|371=55|372=0|373=2|58=Tag not defined for this message type

send    35=5|34=3
expect  35=5|34=3
disconnected
