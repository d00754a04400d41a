// Which pages a search lists first (html_search_scorer in conf.py): those that explain
// come before those that only name a word. Sphinx gives a word in a text 5 points, one
// in a title 15.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,

  score: ([page, , , , score]) => {
    if (/^chapters\/plot_[1-5]/.test(page)) return score + 10;
    if (/^chapters\/plot_/.test(page)) return score + 8;
    if (page.startsWith("experiments/")) return score + 3;
    if (/^(results|bibliography|changelog|contributing)$/.test(page)) return score - 3;
    return score;
  },
};
