scenario: 13b_UnsolicitedLogoutMessage
# A Logout is answered with a Logout, and the venue closes the connection.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=5|34=2
expect  35=5|34=2
disconnected
