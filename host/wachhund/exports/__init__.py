"""An incident in the forms that other programs read: OCSF and STIX. Pure: the incident goes in, plain data comes out.

Texts of robots stay texts in them: values of JSON, never names, patterns or identifiers.
"""
