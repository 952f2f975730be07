"""What the bytes say: codecs for the wire formats of health devices.

Pure: this package imports the standard library only, reads no clock, opens nothing and logs nothing.
No device name appears here; what is odd about one device stands in its driver.
"""
