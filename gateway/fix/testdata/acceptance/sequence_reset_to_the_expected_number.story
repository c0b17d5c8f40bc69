scenario: 11b_NewSeqNoEqual
# A sequence reset to the number that is expected anyway changes nothing.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=0|36=2
send    35=1|34=2|112=one
expect  35=0|34=2|112=one
send    35=4|34=0|123=N|36=3
send    35=1|34=3|112=two
expect  35=0|34=3|112=two

send    35=5|34=4
expect  35=5|34=4
disconnected
