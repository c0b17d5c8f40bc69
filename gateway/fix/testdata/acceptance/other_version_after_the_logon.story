scenario: 2i_BeginStringValueUnexpected
timed: the Logout has to be sent before the wait for its answer is over
# The version does not change under way: the venue logs out, and closes whether the client answers or not.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    begin=FIX.4.1 35=1|34=2|112=id
expect  35=5|34=2|58=Incorrect BeginString
send    35=5|34=3
disconnected

connect
send    35=A|34=1|98=0|108=30|141=Y|554=<password>
expect  35=A|34=1|98=0|108=30|141=Y

send    begin=FIX.4.1 35=1|34=2|112=id
expect  35=5|34=2|58=Incorrect BeginString
disconnected
