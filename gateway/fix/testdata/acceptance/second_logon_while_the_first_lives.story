scenario: 1b_DuplicateIdentity
# The connection that came first stays if it shows a sign of life, which it is asked for; the other one is closed without a
# word, as a Logout would take one of the numbers that the first one counts.
deviates: the live connection is asked for a sign of life (1), so that a client whose old connection is dead gets its session back
@1 connect
@1 send    35=A|34=1|98=0|108=30|554=<password>
@1 expect  35=A|34=1|98=0|108=30
@2 connect
@2 send    35=A|34=1|98=0|108=30|554=<password>
@2 disconnected
@1 expect  35=1|34=2|112=*
@1 send    35=0|34=2|112=<last 112>
@1 send    35=1|34=3|112=still here
@1 expect  35=0|34=3|112=still here
@1 disconnect
