import Swage
