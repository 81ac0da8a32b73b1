"""机构岗位: the numbered tree of units, people, posts and what each post can see."""
