"""What is looked into: a live torch module, a loaded model or a folder, behind one protocol."""
