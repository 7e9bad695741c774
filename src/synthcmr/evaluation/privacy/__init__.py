"""Do synthetic images, or what made them, give away whose images were learned from?"""
