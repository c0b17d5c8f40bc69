scenario: 1d_InvalidLogonLengthInvalid
# A first message whose BodyLength is wrong: nobody speaks FIX there.
connect
send    length=40 35=A|34=1|98=0|108=30|554=<password>
disconnected
