scenario: 11c_NewSeqNoLess
# Numbers do not go back: such a reset is rejected and changes nothing.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=0|36=1
expect  35=3|34=2|45=0|372=4|373=5|58=Value is incorrect (out of range) for this tag
send    35=1|34=2|112=one
expect  35=0|34=3|112=one
send    35=4|34=0|123=N|36=1
expect  35=3|34=4|45=0|372=4|373=5|58=Value is incorrect (out of range) for this tag
send    35=1|34=3|112=two
expect  35=0|34=5|112=two

send    35=5|34=4
expect  35=5|34=6
disconnected
