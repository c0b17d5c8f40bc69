scenario: 11a_NewSeqNoGreater
# A sequence reset, with 123=N or without 123, sets the expected number whatever number it bears itself.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=0|36=25
send    35=1|34=25|112=one
expect  35=0|34=2|112=one
send    35=4|34=0|123=N|36=50
send    35=1|34=50|112=two
expect  35=0|34=3|112=two

send    35=5|34=51
expect  35=5|34=4
disconnected
