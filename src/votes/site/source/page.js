/* What a page does by script beside its elements: it suggests tools, follows votes,
   and passes the page on. */

import "./search.js";
import "./live.js";
import "./share.js";
