scenario: 14a_BadField
# Tags that FIX 4.4 does not have: behind its last one, zero, negative, and in the range of a venue's own ones.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2|999=x
expect  35=3|34=2|45=2|371=999|372=0|373=0|58=Invalid tag number
send    35=0|34=3|0=x
expect  35=3|34=3|45=3|371=0|372=0|373=0|58=Invalid tag number
send    35=0|34=4|-1=x
expect  35=3|34=4|45=4|371=-1|372=0|373=0|58=Invalid tag number
send    35=0|34=5|5000=x
expect  35=3|34=5|45=5|371=5000|372=0|373=0|58=Invalid tag number

send    35=5|34=6
expect  35=5|34=6
disconnected
