scenario: 2t_FirstThreeFieldsOutOfOrder
# BeginString, BodyLength and MsgType come first and in this order, or the message is garbled.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

raw     35=0|8=FIX.4.4|9=29|34=2|49=<us>|52=<now>|56=<venue>|10=121|
send    35=1|34=2|112=one
expect  35=0|34=2|112=one
send    bare 34=3|35=0|49=<us>|52=<now>|56=<venue>
send    35=1|34=3|112=two
expect  35=0|34=3|112=two

send    35=5|34=4
expect  35=5|34=4
disconnected
