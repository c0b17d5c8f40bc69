scenario: 14d_TagSpecifiedWithoutValue
# There, but empty, is another fault than not there.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    bare 35=0|34=2|49=<us>|52=<now>|56=
expect  35=3|34=2|45=2|371=56|372=0|373=4|58=Tag specified without a value

send    35=5|34=3
expect  35=5|34=3
disconnected
