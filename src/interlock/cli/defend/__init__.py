"""The runs behind ``interlock defend``; everything heavy is imported when one starts."""
