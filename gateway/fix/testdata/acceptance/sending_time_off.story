scenario: 2o_SendingTimeValueOutOfRange
# More than two minutes before or after the venue's clock.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    bare 35=0|34=2|49=<us>|52=<now-121s>|56=<venue>
expect  35=3|34=2|45=2|372=0|373=10|58=SendingTime accuracy problem
expect  35=5|34=3
send    35=5|34=3
disconnected

connect
send    35=A|34=1|98=0|108=30|141=Y|554=<password>
expect  35=A|34=1|98=0|108=30|141=Y

send    bare 35=0|34=2|49=<us>|52=<now+123s>|56=<venue>
expect  35=3|34=2|45=2|372=0|373=10|58=SendingTime accuracy problem
expect  35=5|34=3
send    35=5|34=3
disconnected
