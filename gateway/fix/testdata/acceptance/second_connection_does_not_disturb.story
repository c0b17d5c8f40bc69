scenario: AlreadyLoggedOn
# The session that is there goes on.
deviates: the live connection is asked for a sign of life (1), so that a client whose old connection is dead gets its session back
@1 connect
@1 send    35=A|34=1|98=0|108=30|554=<password>
@1 expect  35=A|34=1|98=0|108=30
@2 connect
@2 send    35=A|34=1|98=0|108=30|554=<password>
@2 disconnected
@1 expect  35=1|34=2|112=*
@1 send    35=5|34=2
@1 expect  35=5|34=3
@1 disconnected
