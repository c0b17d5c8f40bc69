scenario: 2q_MsgTypeNotValid
# No version of FIX has this type.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=*|34=2
expect  35=3|34=2|45=2|372=\*|373=11|58=Invalid MsgType

send    35=5|34=3
expect  35=5|34=3
disconnected
