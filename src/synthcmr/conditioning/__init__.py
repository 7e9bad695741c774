"""What an image shall show: who the patient is, as attributes or as text, and which anatomy, as a mask."""
