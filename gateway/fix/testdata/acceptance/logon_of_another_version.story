scenario: 1d_InvalidLogonWrongBeginString
# A version that never was.
connect
send    begin=FIX.3.9 35=A|34=1|98=0|108=30|554=<password>
disconnected
